// Amounts for people. Minor units are whole numbers; the point is put into their digits, and nothing is ever divided.

// Of ISO 4217, all that do not have two decimals; a test compares them with the table that payments calculates by.
export const EXPONENTS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0, XAF: 0,
  XOF: 0, XPF: 0, BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3, CLF: 4, UYW: 4,
};

export function decimal(amount, currency) {
  const exponent = EXPONENTS[currency] ?? 2;
  const units = BigInt(amount);
  const digits = String(units < 0n ? -units : units).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  const fraction = exponent ? `.${digits.slice(-exponent)}` : "";
  return `${units < 0n ? "−" : ""}${whole}${fraction}`;
}

export function money(amount, currency) {
  return amount === null || amount === undefined ? "–" : `${decimal(amount, currency)} ${currency}`;
}
