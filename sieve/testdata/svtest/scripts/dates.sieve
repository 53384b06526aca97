require "date";
if date "date" "century" "21" { keep; }
if date :zone "CET" "date" "year" "2024" { keep; }
if currentdate :originalzone "year" "2024" { keep; }
