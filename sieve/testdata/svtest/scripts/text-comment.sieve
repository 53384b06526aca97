require "variables";
set "a" text: /* no */
one
.
;
