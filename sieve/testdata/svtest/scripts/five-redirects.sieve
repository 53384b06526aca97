redirect "1@example.com";
redirect "2@example.com";
redirect "3@example.com";
redirect "4@example.com";
redirect "5@example.com";
