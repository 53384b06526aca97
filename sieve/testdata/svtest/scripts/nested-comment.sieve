/* one /* two */ three */
keep;
