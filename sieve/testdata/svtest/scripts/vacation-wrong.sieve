require ["vacation", "vacation-seconds"];
vacation :days 1 :seconds 60 "gone";
vacation :from "not an address" "gone";
vacation;
