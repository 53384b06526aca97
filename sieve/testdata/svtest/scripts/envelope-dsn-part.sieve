require ["envelope", "envelope-dsn"]; if envelope :localpart "notify" "x" { keep; }
