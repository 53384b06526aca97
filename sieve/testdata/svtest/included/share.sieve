require ["variables", "include"];
global "shared";
set "shared" "${shared} and after";
