package com.acme.shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;

class PricesTest {

    @Test
    void aPriceHasItsTax() {
        assertEquals(1190, Prices.gross(1000, 19));
    }

    @Test
    @Disabled("nobody knows it yet")
    void aTaxInTheFuture() {
        assertEquals(0, Prices.gross(1000, 100));
    }
}
