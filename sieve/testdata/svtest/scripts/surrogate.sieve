require ["encoded-character", "variables"];
set "a" "${unicode:D800}";
set "a" "${unicode:110000}";
set "a" "${unicode:dfff}";
