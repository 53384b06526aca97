require ["variables", "include"];
global "shared";
set "shared" "before";
return;
set "shared" "after";
