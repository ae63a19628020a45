// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareDecimals, decimalText, parseDecimal, plus, times, zero, type Decimal } from './decimal.ts'

const of = (given: string | number): Decimal => parseDecimal(given) ?? assert.fail(`${given} is a decimal`)

test('a tenth and two tenths are three tenths', () => {
  assert.equal(decimalText(plus(of(0.1), of(0.2))), '0.3')
  assert.equal(decimalText(times(of('1.25'), of('0.000001'))), '0.00000125')
  assert.equal(decimalText(of(7.5e-8)), '0.000000075')
  assert.equal(decimalText(of('1e3')), '1000')
  assert.equal(decimalText(of('-0.50')), '-0.5')
  assert.equal(compareDecimals(of('0.30'), of(0.3)), 0)
  assert.deepEqual(['', '.5', '1.', 'NaN', '1e999', '0x1', ' 1'].map(parseDecimal), Array(7).fill(undefined))
})

test('sums do not depend on the order, and every finite number survives', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })),
      (numbers) => {
        const decimals = numbers.map((number) => parseDecimal(number)).filter((one) => one !== undefined)
        const sum = (list: readonly Decimal[]): string => decimalText(list.reduce(plus, zero))
        assert.equal(sum(decimals), sum(decimals.toReversed()))
        for (const number of numbers) {
          const read = parseDecimal(number)
          if (read !== undefined) assert.equal(Number(decimalText(read)), number === 0 ? 0 : number)
        }
      },
    ),
  )
})
