redirect "1@example.com";
redirect "2@example.com";
