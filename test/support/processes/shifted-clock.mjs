// This is loaded before a program. It shifts the wall clock by JDAY_TEST_CLOCK_OFF_MS, as on a machine whose clock is
// wrong.
const offMs = Number(process.env.JDAY_TEST_CLOCK_OFF_MS);
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + offMs;
  }
};
