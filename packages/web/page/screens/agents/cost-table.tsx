// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { decimalText, type AgentCosts } from 'fasten/reader/remote'
import {
  columnDigitsMax,
  digitsFor,
  groupingWords,
  moneyText,
  shareOf,
  sumText,
  type ShownGrouping,
} from '../../model/agents.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './agents.module.css'

/** Who or what the money went to, the dearest first, each with its part of the whole. */
export function CostTable({
  by,
  costs: { groups, total, tables },
  isCut,
}: {
  readonly by: ShownGrouping
  readonly costs: AgentCosts
  /** Not all rows of the window are in it. */
  readonly isCut: boolean
}): ReactNode {
  const columns = [
    { name: groupingWords[by] },
    { name: isCut ? 'Part of the cost read' : 'Part of the cost' },
    { name: 'Cost', isNumber: true },
    { name: 'Calls', isNumber: true },
    { name: 'Failed', isNumber: true },
    { name: 'Tokens in', isNumber: true },
    { name: 'Tokens out', isNumber: true },
    { name: 'Without a price', isNumber: true },
  ]
  if (groups.length === 0) return null
  const digits = digitsFor(
    groups.map(({ cost }) => cost),
    columnDigitsMax,
  )
  return (
    <section aria-label={`Costs by ${groupingWords[by].toLowerCase()}`} className={styles['section']}>
      <h2 className={styles['heading']}>Costs by {groupingWords[by].toLowerCase()}</h2>
      <Table label={`Costs by ${groupingWords[by].toLowerCase()}`} columns={columns}>
        {groups.map(({ key, cost, calls, failures, inputTokens, outputTokens, costUnknown }) => {
          const share = shareOf(cost, total.cost)
          return (
            <tr key={key}>
              <th scope="row">
                <PlainText>{key}</PlainText>
              </th>
              <td className={cell.grow}>
                <span className={styles['share']}>
                  <span className={styles['track']} aria-hidden="true">
                    <span className={styles['part']} style={{ width: `${share * 100}%` }} />
                  </span>
                  {Math.round(share * 100)}%
                </span>
              </td>
              <td className={cell.number} title={`$${decimalText(cost)}`}>
                {costUnknown === calls ? 'no price' : sumText(moneyText(cost, digits), isCut)}
              </td>
              <td className={cell.number}>{sumText(calls.toLocaleString('en'), isCut)}</td>
              <td className={`${cell.number} ${failures > 0 ? cell.bad : ''}`}>
                {failures === 0 ? '–' : failures.toLocaleString('en')}
              </td>
              <td className={cell.number}>{sumText(inputTokens.toLocaleString('en'), isCut)}</td>
              <td className={cell.number}>{sumText(outputTokens.toLocaleString('en'), isCut)}</td>
              <td
                className={`${cell.number} ${costUnknown > 0 ? cell.warn : ''}`}
                title={
                  costUnknown > 0 ? 'Calls for which no price was known; they are not in the cost' : undefined
                }
              >
                {costUnknown === 0 ? '–' : costUnknown.toLocaleString('en')}
              </td>
            </tr>
          )
        })}
      </Table>
      {tables.size === 0 ? null : (
        <p className={styles['foot']}>
          Prices are those that each row names: <PlainText>{[...tables.keys()].join(', ')}</PlainText>
        </p>
      )}
    </section>
  )
}
