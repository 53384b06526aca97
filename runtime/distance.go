package runtime

// Distance is the Levenshtein distance of two short names, at most most: what hints such
// as "is key_get meant?" go by.
func Distance(a, b string, most int) int { return distance(a, b, most) }
