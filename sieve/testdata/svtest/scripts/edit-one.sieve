require "editheader";
addheader "X-One" "yes";
