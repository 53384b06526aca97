require ["redirect-dsn", "redirect-deliverby"];
redirect :notify "SOMETIMES" "one@example.com";
redirect :ret "HALF" "two@example.com";
