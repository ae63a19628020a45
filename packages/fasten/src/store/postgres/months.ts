// SPDX-License-Identifier: Apache-2.0
import { systemCode } from '../../core/error.ts'
import type { StreamTables } from '../row-tables.ts'
import { prefixOf } from './migrate.ts'
import type { Sql } from './sql.ts'

/** The partitions of one writer's tables. */
export interface Months {
  /** `YYYY-MM` of the month whose partitions, and those of the months after it, were last made sure of. */
  through(): string | undefined
  /** A row found no partition: they are to be made once more. */
  forget(): void
  /** Makes the partitions of the month of `today` (`YYYY-MM-DD`, clock of the database) and of two more. */
  make(sql: Sql, today: string): Promise<void>
}

/**
 * Partitions are made when the store is opened and whenever the database's clock enters a month, always for three months: so the one
 * that begins next is there weeks before the first row needs it. A user who may not make them goes on as long as somebody else does.
 */
export function createMonths(schema: string, tables: StreamTables): Months {
  let month: string | undefined
  return {
    through: () => month,
    forget() {
      month = undefined
    },
    async make(sql, today) {
      for (const table of Object.values(tables)) {
        try {
          await sql.run(`SELECT ${prefixOf(schema)}fasten_make_months($1, $2::date, 3)`, [table, today])
        } catch (error) {
          // Said when a row finds no partition, and by doctor before that.
          if (systemCode(error) !== '42501') throw error
        }
      }
      month = today.slice(0, 7)
    },
  }
}
