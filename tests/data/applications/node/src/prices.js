/** The price with its tax, in cents. */
export function gross(net, percent) {
  if (percent < 0) {
    throw new RangeError("a tax is not negative");
  }
  return net + Math.floor((net * percent) / 100);
}
