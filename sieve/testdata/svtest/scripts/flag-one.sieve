require "imap4flags";
addflag "$one";
