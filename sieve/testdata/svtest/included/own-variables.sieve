require "variables";
set "mine" "inside";
