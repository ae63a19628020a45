// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import {
  durationText,
  costIn,
  countIn,
  decimalText,
  kindOf,
  type AgentNode,
  type AgentRow,
  type Decimal,
} from 'fasten/reader/remote'
import {
  callWords,
  columnDigitsMax,
  costsWithin,
  digitsFor,
  failureWords,
  moneyText,
  nextFailure,
} from '../../model/agents.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { useIsNarrow } from '../../parts/use-is-narrow.ts'
import styles from './agent-tree.module.css'

/** Each row below the one that it names as its cause; only those in view are drawn. Arrows move, `e` goes to the next failure, Enter opens the row. */
export function AgentTree({
  nodes,
  decisions,
  selected,
  onSelect,
}: {
  readonly nodes: readonly AgentNode[]
  /** What came of each request for an approval, by its id. */
  readonly decisions: ReadonlyMap<string, AgentRow | null>
  readonly selected: string | null
  readonly onSelect: (id: string) => void
}): ReactNode {
  const [current, setCurrent] = useState(() =>
    Math.max(
      0,
      nodes.findIndex(({ row }) => row.id === selected),
    ),
  )
  const within = useMemo(() => costsWithin(nodes), [nodes])
  const digits = useMemo(
    () =>
      digitsFor(
        nodes.flatMap(({ row }) => (kindOf(row) === 'model' ? (costIn(row) ?? []) : [])),
        columnDigitsMax,
      ),
    [nodes],
  )
  const height = useIsNarrow() ? 48 : 28
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: nodes.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  })
  useEffect(() => virtual.measure(), [virtual, height])
  const go = (to: number): void => {
    const index = Math.max(0, Math.min(nodes.length - 1, to))
    setCurrent(index)
    virtual.scrollToIndex(index, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const here = nodes[current]
    if (event.key === 'ArrowDown' || event.key === 'j') go(current + 1)
    else if (event.key === 'ArrowUp' || event.key === 'k') go(current - 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(nodes.length - 1)
    else if (event.key === 'e') go(nextFailure(nodes, current))
    else if (event.key === 'Enter' && here !== undefined) onSelect(here.row.id)
    else return
    event.preventDefault()
  }
  return (
    <>
      <div className={styles['heads']} aria-hidden="true">
        <span>Call</span>
        <span className={styles['number']}>Tokens in → out</span>
        <span className={styles['number']}>Time</span>
        <span className={styles['number']}>Cost</span>
      </div>
      <div
        ref={scroller}
        className={styles['scroller']}
        role="tree"
        aria-label="Calls of agents"
        aria-activedescendant={nodes[current] === undefined ? undefined : `a-${nodes[current].row.id}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div className={styles['space']} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const node = nodes[index]
            return node === undefined ? null : (
              <Line
                key={node.row.id}
                node={node}
                within={within[index] ?? null}
                digits={digits}
                decision={decisions.get(node.row.id)}
                top={start}
                isCurrent={index === current}
                isSelected={node.row.id === selected}
                onPress={() => {
                  setCurrent(index)
                  onSelect(node.row.id)
                }}
              />
            )
          })}
        </div>
      </div>
    </>
  )
}

function Line({
  node: { row, depth, lostCause, sameCallAs },
  within,
  digits,
  decision,
  top,
  isCurrent,
  isSelected,
  onPress,
}: {
  readonly node: AgentNode
  /** What the model calls below it cost. */
  readonly within: Decimal | null
  readonly digits: number
  /** Of a request for an approval: its answer, null while it waits. */
  readonly decision: AgentRow | null | undefined
  readonly top: number
  readonly isCurrent: boolean
  readonly isSelected: boolean
  readonly onPress: () => void
}): ReactNode {
  const { kind, name } = callWords(row)
  const isWrong = row.outcome !== 'success'
  const latency = row.detail['latency_ms']
  return (
    <div
      id={`a-${row.id}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={isSelected}
      className={styles['line']}
      data-kind={kindOf(row)}
      data-wrong={isWrong}
      data-current={isCurrent}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onPress}
    >
      <span className={styles['name']} style={{ paddingLeft: 16 + Math.min(depth, 24) * 18 }}>
        <span className={styles['kind']}>{kind}</span>
        <span className={styles['title']}>
          <PlainText>{name}</PlainText>
        </span>
        <Notes
          row={row}
          decision={decision}
          isTop={depth === 0}
          lostCause={lostCause}
          sameCallAs={sameCallAs}
        />
      </span>
      <span className={styles['number']}>{kindOf(row) === 'model' ? tokensText(row) : ''}</span>
      <span className={styles['number']}>
        {typeof latency === 'number' && latency >= 0 ? durationText(Math.round(latency * 1000)) : ''}
      </span>
      <Cost row={row} within={within} digits={digits} isTold={sameCallAs !== undefined} />
    </div>
  )
}

/** Of a model its own cost, of a tool and an agent what the models within cost. */
function Cost({
  row,
  within,
  digits,
  isTold,
}: {
  readonly row: AgentRow
  readonly within: Decimal | null
  readonly digits: number
  /** Another row speaks for the same call, and shows what it cost. */
  readonly isTold: boolean
}): ReactNode {
  const isModel = kindOf(row) === 'model'
  const cost = isModel ? (costIn(row) ?? null) : within
  if (isTold || (cost === null && !isModel)) return <span className={styles['cost']} />
  if (cost === null)
    return (
      <span className={styles['none']} title="No price was known when this model was called">
        no price
      </span>
    )
  return (
    <span
      className={isModel ? styles['cost'] : styles['within']}
      title={isModel ? `$${decimalText(cost)}` : `$${decimalText(cost)}, of the models within`}
    >
      {moneyText(cost, digits)}
    </span>
  )
}

/** What else there is to say of a call: who did it for whom, why it failed, who let it, and where its place in the tree is not what it claims. */
function Notes({
  row,
  decision,
  isTop,
  lostCause,
  sameCallAs,
}: {
  readonly row: AgentRow
  readonly decision: AgentRow | null | undefined
  readonly isTop: boolean
  readonly lostCause: string | undefined
  readonly sameCallAs: string | undefined
}): ReactNode {
  const { actor, on_behalf_of, outcome, detail } = row
  const isApproval = kindOf(row) === 'approval'
  const why = outcome === 'success' && !isApproval ? '' : failureWords(row)
  const { risk, approved_by } = detail
  return (
    <>
      {outcome === 'success' ? null : <span className={styles['wrong']}>{outcome}</span>}
      {why === '' ? null : (
        <span className={outcome === 'success' ? styles['note'] : styles['why']}>
          <PlainText>{why}</PlainText>
        </span>
      )}
      {decision === undefined ? null : <Decision answer={decision} />}
      {isTop || isApproval ? (
        <span className={styles['note']}>
          by <PlainText>{actor ?? 'sealed'}</PlainText>
          {on_behalf_of === undefined ? null : (
            <>
              {' for '}
              <PlainText>{on_behalf_of}</PlainText>
            </>
          )}
        </span>
      ) : null}
      {typeof risk === 'string' && risk !== 'unrated' ? (
        <span className={styles['note']}>
          risk <PlainText>{risk}</PlainText>
        </span>
      ) : null}
      {typeof approved_by === 'string' ? <span className={styles['good']}>with approval</span> : null}
      {sameCallAs === undefined ? null : (
        <span className={styles['note']} title={`counted once, at ${sameCallAs}`}>
          same call
        </span>
      )}
      {lostCause === undefined ? null : (
        <span className={styles['lost']} title={lostCause}>
          its cause is not here
        </span>
      )}
    </>
  )
}

/** Whether somebody let it, and who; or that it still waits for somebody. */
function Decision({ answer }: { readonly answer: AgentRow | null }): ReactNode {
  if (answer === null) return <span className={styles['waiting']}>waiting</span>
  const isGranted = answer.code === 'APPROVAL_GRANTED'
  return (
    <span className={styles[isGranted ? 'granted' : 'wrong']}>
      {isGranted ? 'granted by ' : 'denied by '}
      <PlainText>{answer.actor ?? 'sealed'}</PlainText>
    </span>
  )
}

function tokensText({ detail }: AgentRow): string {
  const [input, output] = [countIn(detail['input_tokens']), countIn(detail['output_tokens'])]
  if (input === undefined && output === undefined) return 'tokens unknown'
  const text = (count: number | undefined): string => (count === undefined ? '?' : count.toLocaleString('en'))
  return `${text(input)} → ${text(output)}`
}
