package com.acme.shop;

import static org.junit.Assert.assertEquals;

import org.junit.Ignore;
import org.junit.Test;

public class PricesTest {

    @Test
    public void aPriceHasItsTax() {
        assertEquals(1190, Prices.gross(1000, 19));
    }

    @Test
    @Ignore("nobody knows it yet")
    public void aTaxInTheFuture() {
        assertEquals(0, Prices.gross(1000, 100));
    }
}
