require "vnd.sluice.while";
while true { keep; }
