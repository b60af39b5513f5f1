import assert from "node:assert/strict";
import { test } from "node:test";

import { gross } from "../src/prices.js";

test("a price has its tax", () => {
  assert.equal(gross(1000, 19), 1190);
});

test("without a tax the price stays", () => {
  assert.equal(gross(1000, 0), 1000);
});
