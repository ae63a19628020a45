// SPDX-License-Identifier: Apache-2.0
// What must compile and what must not. Nothing here runs; capture/codes-types.test.ts has it compiled.
import { defineCodes, type CodeNamesOf, type CodesOf } from './codes.ts'
import type { DetailFrom } from './detail-type.ts'

const billing = defineCodes('billing', {
  INVOICE_PAID: {
    severity: 'info',
    detail: {
      required: ['amount', 'note'],
      properties: {
        amount: 'number',
        currency: { enum: ['EUR', 'USD'] },
        lines: {
          type: 'array',
          items: { type: 'object', required: ['sku'], properties: { sku: 'string', qty: 'integer' } },
        },
        paid_by: { type: ['string', 'null'] },
        extra: 'object',
      },
    },
  },
  INVOICE_SENT: { retentionClass: 'long' },
  INVOICE_OPEN: { detail: { properties: { a: 'string' }, additionalProperties: true } },
})

type Names = CodeNamesOf<typeof billing>
export const name: Names = 'INVOICE_PAID'
// @ts-expect-error -- no such code
export const wrongName: Names = 'INVOICE_PIAD'
export const handle: 'INVOICE_SENT' = billing.names.INVOICE_SENT
// @ts-expect-error -- no such code
export const noHandle = billing.names.INVOICE_LOST

type Paid = CodesOf<typeof billing>['INVOICE_PAID']['detail']
export const paid: Paid = {
  amount: 1,
  note: 'anything',
  currency: 'EUR',
  lines: [{ sku: 'x', qty: 1 }],
  paid_by: null,
  extra: { any: 1 },
}
export const leastPaid: Paid = { amount: 1, note: 5 }
// @ts-expect-error -- amount is required
export const noAmount: Paid = { note: 1 }
// @ts-expect-error -- amount is a number
export const textAmount: Paid = { amount: '1', note: 1 }
// @ts-expect-error -- not one of the currencies
export const wrongCurrency: Paid = { amount: 1, note: 1, currency: 'GBP' }
// @ts-expect-error -- a line needs its sku
export const noSku: Paid = { amount: 1, note: 1, lines: [{ qty: 1 }] }
// @ts-expect-error -- no such member
export const misspelt: Paid = { amount: 1, note: 1, curency: 'EUR' }

type Open = CodesOf<typeof billing>['INVOICE_OPEN']['detail']
export const open: Open = { a: 'x', more: 1 }
// @ts-expect-error -- a is a string
export const wrongOpen: Open = { a: 1 }

export const free: DetailFrom<{ required: ['a'] }> = { a: 1, b: 2 }
// @ts-expect-error -- a is required
export const notFree: DetailFrom<{ required: ['a'] }> = { b: 2 }

// @ts-expect-error -- no such severity
defineCodes('x', { ONE: { severity: 'loud' } })
// @ts-expect-error -- no such type
defineCodes('x', { ONE: { detail: { properties: { a: 'int' } } } })

billing.register({ register: (domain: string, codes: object) => void [domain, codes] })
