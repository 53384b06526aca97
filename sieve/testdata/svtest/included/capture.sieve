require "variables";
if string :matches "a captured" "a *" { }
