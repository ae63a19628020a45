// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import {
  bytesText,
  chainWords,
  clockText,
  isLate,
  rowsOf,
  standingOf,
  type NodeFacts,
  type Standing,
} from '../../model/nodes.ts'
import { Age } from '../../parts/age.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell } from '../../parts/table.tsx'
import { NodeLogs } from './node-logs.tsx'
import styles from './nodes.module.css'

const tones: Readonly<Record<Standing, string | undefined>> = {
  good: cell.good,
  warn: cell.warn,
  bad: cell.bad,
  off: cell.soft,
}

/** One node; its logs when it is opened. */
export function NodeLine({ node, now }: { readonly node: NodeFacts; readonly now: number }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  const { source_node_id, service_id, chain, revoked_at, last_seen_at, lag, clock, spool, software, logs } =
    node
  const standing = standingOf(node)
  const { rows, signed } = rowsOf(node)
  const isQuiet = isLate(node, now)
  return (
    <>
      <tr data-standing={isQuiet && standing === 'good' ? 'warn' : standing}>
        <th scope="row">
          <button
            type="button"
            className={styles['open']}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <span className={styles['dot']} aria-hidden="true" />
            <span>
              <PlainText>{source_node_id}</PlainText>
              {service_id === null ? null : (
                <span className={styles['service']}>
                  {' '}
                  <PlainText>{service_id}</PlainText>
                </span>
              )}
            </span>
          </button>
        </th>
        <td className={`${cell.state} ${tones[standing]}`}>
          {revoked_at === null ? chainWords[chain] : 'revoked'}
        </td>
        <td className={isQuiet ? cell.warn : undefined}>
          {last_seen_at === null ? 'never' : <Age at={last_seen_at} now={now} />}
        </td>
        <Number of={rows} />
        <Number of={rows - signed} />
        <td className={`${cell.number} ${lag.rows === 0 ? cell.none : lag.seconds > 60 ? cell.warn : ''}`}>
          {lag.rows === 0 ? '–' : `${lag.rows.toLocaleString('en')}, ${lag.seconds} s`}
        </td>
        <td className={`${cell.number} ${clock === null ? cell.none : ''}`}>{clockText(clock)}</td>
        <td className={`${cell.number} ${spool === null ? cell.none : ''}`}>
          {spool === null ? '–' : <Spool rows={spool.rows} bytes={spool.bytes} bytesMax={spool.bytes_max} />}
        </td>
        <td className={cell.soft}>
          {software === null ? (
            <span title="A program hands its rows in; it does not say how it is.">reports nothing</span>
          ) : (
            <PlainText>{software}</PlainText>
          )}
        </td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={10} className={styles['inner']}>
            <NodeLogs logs={logs} />
          </td>
        </tr>
      ) : null}
    </>
  )
}

function Number({ of }: { readonly of: number }): ReactNode {
  return (
    <td className={`${cell.number} ${of === 0 ? cell.none : ''}`}>
      {of === 0 ? '–' : of.toLocaleString('en')}
    </td>
  )
}

function Spool({
  rows,
  bytes,
  bytesMax,
}: {
  readonly rows: number
  readonly bytes: number
  readonly bytesMax: number | null
}): ReactNode {
  const share = bytesMax === null || bytesMax === 0 ? null : Math.min(1, bytes / bytesMax)
  return (
    <span className={styles['spool']}>
      {rows === 0 ? 'empty' : `${rows.toLocaleString('en')}, ${bytesText(bytes)}`}
      {share === null || rows === 0 ? null : (
        <meter
          className={styles['meter']}
          min={0}
          max={1}
          high={0.8}
          value={share}
          aria-label="How full the spool is"
        >
          {Math.round(share * 100)}%
        </meter>
      )}
    </span>
  )
}
