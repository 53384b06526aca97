require ["variables", "include"];
global "shared";
set "shared" "${shared}G";
