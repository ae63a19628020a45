// SPDX-License-Identifier: Apache-2.0

/** A number in base ten, exact: `units` divided by ten to the power of `scale`. */
export interface Decimal {
  readonly units: bigint
  readonly scale: number
}

export const zero: Decimal = { units: 0n, scale: 0 }

/**
 * The decimal that a text or a number says: `12`, `-0.003`, `7.5e-8`. Of a number it is what ECMAScript prints, so that 0.1 is a tenth. Undefined for anything
 * else, and for exponents beyond 64.
 */
export function parseDecimal(given: string | number): Decimal | undefined {
  const parts = /^(-?)(\d{1,64})(?:\.(\d{1,64}))?(?:e([+-]?\d{1,3}))?$/i.exec(String(given))
  if (parts === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts
  const scale = fraction.length - Number(exponent)
  if (Math.abs(Number(exponent)) > 64) return undefined
  const units = BigInt(`${sign}${whole}${fraction}`)
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 }
}

export function plus(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  return { units: at(a, scale) + at(b, scale), scale }
}

export function times(a: Decimal, b: Decimal): Decimal {
  return { units: a.units * b.units, scale: a.scale + b.scale }
}

export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale)
  const [one, other] = [at(a, scale), at(b, scale)]
  return one < other ? -1 : one > other ? 1 : 0
}

/** Plain digits, no exponent, no zeros behind the last digit that says something. */
export function decimalText({ units, scale }: Decimal): string {
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = scale === 0 ? '' : digits.slice(-scale).replace(/0+$/, '')
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

const at = ({ units, scale }: Decimal, wanted: number): bigint => units * 10n ** BigInt(wanted - scale)
