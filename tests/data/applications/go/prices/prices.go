// Package prices says what things cost.
package prices

import "errors"

// Gross is the price with its tax, in cents.
func Gross(net, percent int) (int, error) {
	if percent < 0 {
		return 0, errors.New("a tax is not negative")
	}
	return net + net*percent/100, nil
}
