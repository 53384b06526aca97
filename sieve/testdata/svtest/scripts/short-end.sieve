keep;
to;