// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { findCard, isCardNumber } from './redact-cards.ts'
import type { DigitRule } from './redact-keys.ts'

const found = (text: string, rule: DigitRule = 'text'): string | undefined => {
  const span = findCard(text, rule)
  return span && text.slice(span.start, span.end)
}

/** A number of the given beginning and length whose last digit is the Luhn digit. */
function withLuhn(prefix: string, length: number): string {
  const body = prefix.padEnd(length - 1, '0')
  for (let digit = 0; digit < 10; digit++)
    if (isCardNumber(`${body}${digit}`, 'card')) return `${body}${digit}`
  throw new TypeError('every body has a Luhn digit')
}

describe('a card is found', () => {
  test('as a run of digits, for each brand and length', () => {
    const cards = [
      withLuhn('4111', 16),
      withLuhn('4539578', 16),
      withLuhn('4', 19),
      withLuhn('4222', 13),
      withLuhn('51', 16),
      withLuhn('55', 16),
      withLuhn('2221', 16),
      withLuhn('2720', 16),
      withLuhn('34', 15),
      withLuhn('37', 15),
      withLuhn('6011', 16),
      withLuhn('65', 16),
      withLuhn('62', 19),
      withLuhn('3528', 16),
      withLuhn('36', 14),
      withLuhn('2200', 16),
      withLuhn('5018', 13),
      withLuhn('6759', 18),
      withLuhn('81', 16),
      withLuhn('9792', 16),
    ]
    assert.deepEqual(
      cards.map((card) => found(`paid with ${card}.`)),
      cards,
    )
  })

  test('in the groups in which cards are printed', () => {
    const printed = [
      '4111 1111 1111 1111',
      '4111-1111-1111-1111',
      '4111.1111.1111.1111',
      '4111  1111  1111  1111',
      '4111\u00a01111\u00a01111\u00a01111',
      '3782 822463 10005',
      '3056 930902 5904',
      '41111111 11111111',
      '4111\u20131111\u20131111\u20131111',
    ]
    assert.deepEqual(
      printed.map((text) => found(`nr ${text}, thanks`)),
      printed,
    )
  })

  test('wherever it stands among other digits', () => {
    const card = '4111111111111111'
    for (const text of [
      `2024-08-21 ${card}`,
      `${card} 2024`,
      `order 1234567890123456 card ${card}`,
      `12 34 ${card} 56`,
      `(${card})`,
      `card_${card}_x`,
      `"${card}"`,
      `1234567890123 1234567890123 ${card}`,
    ]) {
      assert.equal(found(text), card, text)
    }
  })

  test('by its Luhn digit alone under a name that says card', () => {
    const unknownIssuer = withLuhn('1', 16)
    assert.equal(found(unknownIssuer, 'card'), unknownIssuer)
    assert.equal(found(unknownIssuer, 'text'), undefined)
  })

  test('under the name of an identifier only with the prefix and length of a brand', () => {
    assert.equal(found('4111111111111111', 'identifier'), '4111111111111111')
    assert.equal(found(withLuhn('68', 16), 'identifier'), undefined)
    assert.equal(found(withLuhn('68', 16), 'text'), withLuhn('68', 16))
  })
})

describe('no card is found', () => {
  const refuse = (title: string, texts: readonly string[], rule: DigitRule = 'text'): void =>
    void test(title, () =>
      assert.deepEqual(
        texts.map((text) => found(text, rule)),
        texts.map(() => undefined),
      ),
    )

  refuse('when the Luhn digit is wrong', ['4111111111111112', '1234567890123456', '4111 1111 1111 1112'])
  refuse('in times', [
    withLuhn('17242344', 13),
    withLuhn('17242344', 16),
    withLuhn('17242344', 19),
    '2026-06-15 10:30:45.123456',
  ])
  refuse('next to letters or more digits', [
    'x4111111111111111',
    '4111111111111111x',
    'é4111111111111111',
    `${'4111111111111111'.repeat(2)}`,
  ])
  refuse('in the fraction of a number', ['0.4111111111111111', '12.4111111111111111', '4111111111111111.5'])
  refuse('in a UUID or digest', [
    '41111111-1111-4111-8111-111111111111',
    'a4111111-1111-1111-1111-11111111111a',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ])
  refuse('in groups that no card is printed in', [
    '411 1111 1111 11111',
    '41 11 11 11 11 11 11 11',
    '2019 2020 2021 2022 2023',
  ])
  refuse('where no card can be', ['4111111111111111', '4111 1111 1111 1111'], 'never')
})

test('the work grows with the text, not with its square', () => {
  // Reading a character is what the search does; a text that counts its own reads shows how often.
  const reads = (size: number, unit: string): number => {
    let count = 0
    const text = unit.repeat(size)
    const counting = {
      length: text.length,
      charCodeAt: (at: number) => (count++, text.charCodeAt(at)),
      slice: (from: number, to: number) => ((count += to - from), text.slice(from, to)),
    }
    findCard(counting as unknown as string, 'text')
    return count
  }
  for (const unit of ['1', '1 ', '11-', '4111 ', '1234 5678 9012 3', 'a1', '1234567 ']) {
    const [small, large] = [reads(1_000, unit), reads(8_000, unit)]
    assert.ok(large <= small * 8 * 1.1 + 100, `${unit}: ${small} reads, eight times the text ${large}`)
  }
})
