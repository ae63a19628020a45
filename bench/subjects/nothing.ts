// SPDX-License-Identifier: Apache-2.0
import { orderNumber } from './order.ts'
import type { Subject } from './subject.ts'

/** The floor: building the object and reading the timer. Subtracted from nothing, printed beside everything. */
export const subject: Subject = {
  title: 'nothing (timer and object)',
  async open() {
    let amount = 0
    return {
      call: (i) => {
        amount += orderNumber(i).amount
      },
      drain: async () => {},
      check: async () => {
        if (amount < 0) throw new Error('amounts cannot be negative')
      },
    }
  },
}
