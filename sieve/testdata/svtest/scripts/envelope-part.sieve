require "envelope"; if envelope "via" "x" { keep; }
