require ["editheader", "variables"];
if header :matches "x-one" "*" { addheader "X-Two" "saw ${1}"; }
