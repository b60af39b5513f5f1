package com.acme.shop;

/** What things cost. */
public final class Prices {

    private Prices() {
    }

    /** The price with its tax, in cents. */
    public static int gross(int net, int percent) {
        if (percent < 0) {
            throw new IllegalArgumentException("a tax is not negative");
        }
        return net + net * percent / 100;
    }
}
