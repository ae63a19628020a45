// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { chainWords, type LogFacts } from '../../model/nodes.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'

const columns = [
  { name: 'Log' },
  { name: 'Chain', width: 'word' },
  { name: 'At the node', isNumber: true },
  { name: 'Here', isNumber: true },
  { name: 'Signed', isNumber: true },
] as const

/** The logs of one node: how far each is at the node, here, and in what the node signed. */
export function NodeLogs({ logs }: { readonly logs: readonly LogFacts[] }): ReactNode {
  if (logs.length === 0) return <p className={cell.soft}>No log of it is here yet.</p>
  return (
    <Table label="Logs" columns={columns}>
      {logs.map(({ log, node_size, size, signed_size, chain }) => (
        <tr key={log}>
          <th scope="row">
            <code>
              <PlainText>{log}</PlainText>
            </code>
          </th>
          <td className={`${cell.state} ${chain === 'forked' ? cell.bad : ''}`}>{chainWords[chain]}</td>
          <td className={`${cell.number} ${node_size === null ? cell.none : ''}`}>
            {node_size === null ? '–' : node_size.toLocaleString('en')}
          </td>
          <td className={cell.number}>{size.toLocaleString('en')}</td>
          <td className={cell.number}>{signed_size.toLocaleString('en')}</td>
        </tr>
      ))}
    </Table>
  )
}
