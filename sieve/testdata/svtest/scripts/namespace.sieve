require "variables";
set "a" "${nowhere.b}";
