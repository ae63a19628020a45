// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import type { SweepFacts } from '../../model/retention.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './retention.module.css'

const columns = [
  { name: 'Tenant' },
  { name: 'Decided by', width: 'words' },
  { name: 'Named', isNumber: true },
  { name: 'Gone', isNumber: true },
  { name: 'Held', isNumber: true },
  { name: 'Still to go', isNumber: true },
] as const

/** Rows whose content was let go: their hashes stay, so that their neighbours are proven as before. */
export function Sweeps({ sweeps }: { readonly sweeps: readonly SweepFacts[] }): ReactNode {
  return (
    <section aria-labelledby="sweeps">
      <h2 id="sweeps" className={styles['heading']}>
        Expired
      </h2>
      {sweeps.length === 0 ? (
        <p className={styles['about']}>No row of a tenant of yours has expired.</p>
      ) : (
        <Table label="Expired" columns={columns}>
          {sweeps.map(({ tenant, told_by, rows, gone, held, there }) => (
            <tr key={`${tenant} ${told_by}`}>
              <th scope="row">
                <PlainText>{tenant === '_' ? 'rows without a tenant' : tenant}</PlainText>
              </th>
              <td className={cell.state}>{told_by === 'node' ? 'its nodes' : 'this fleet'}</td>
              <td className={cell.number}>{rows.toLocaleString('en')}</td>
              <td className={cell.number}>{gone.toLocaleString('en')}</td>
              <td className={`${cell.number} ${held > 0 ? cell.warn : ''}`}>{held.toLocaleString('en')}</td>
              <td className={cell.number}>{Math.max(0, there - held).toLocaleString('en')}</td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  )
}
