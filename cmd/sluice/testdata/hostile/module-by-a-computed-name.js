// trust: user
// expect: compile: require takes one text
require(["..", "sluice.toml"].join("/"));
