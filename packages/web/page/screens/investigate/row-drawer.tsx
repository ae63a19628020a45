// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Reader, ReaderRow } from 'fasten/reader/remote'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { Link, useLocation } from 'wouter'
import { Button } from '../../parts/button.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { citationOf } from '../../model/citation.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { entityPath } from '../../model/entity.ts'
import { rowFace } from '../../model/row-face.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { JsonTree } from '../../parts/json-tree.tsx'
import { changesIn } from '../../model/changes.ts'
import { RowChanges } from './row-changes.tsx'
import { RowRelated } from './row-related.tsx'
import { RowMembers } from './row-members.tsx'
import { RowTruth } from './row-truth.tsx'
import styles from './row-drawer.module.css'

/** One row in full. Its body is asked for now, never with the list. */
export function RowDrawer({
  id,
  reader,
  onClose,
  onAsk,
  onOpen,
}: {
  readonly id: string
  readonly reader: Reader
  readonly onClose: () => void
  /** Opens another row in its place. Left out, it is opened where rows are investigated. */
  readonly onOpen?: ((id: string) => void) | undefined
  /** Asks for rows that share something with this one: `field:value`. Left out, it opens an investigation of its own. */
  readonly onAsk?: ((more: string) => void) | undefined
}): ReactNode {
  const [, navigate] = useLocation()
  const investigate = (text: string): void =>
    navigate(`/investigate${writeInvestigation({ ...readInvestigation(''), text, since: '-30d' })}`)
  const open = (selected: string): void =>
    navigate(
      `/investigate${writeInvestigation({ ...readInvestigation(''), text: `id:${selected}`, since: '-30d', selected })}`,
    )
  const found = useQuery({ queryKey: ['row', id], queryFn: () => reader.row({ id }), staleTime: Infinity })
  return (
    <aside className={styles['drawer']} aria-label="Row">
      <div className={styles['bar']}>
        <code className={styles['id']}>{id}</code>
        <Button look="quiet" onPress={onClose} aria-label="Close the row">
          Close
        </Button>
      </div>
      {found.isPending ? (
        <Waiting what="Reading the row" />
      ) : found.isError ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : found.data === null ? (
        <Empty title="There is no such row">
          <p>Its content may have expired, or you may not see it.</p>
        </Empty>
      ) : (
        <Found
          row={found.data as ReaderRow}
          reader={reader}
          onAsk={onAsk ?? investigate}
          onOpen={onOpen ?? open}
        />
      )}
    </aside>
  )
}

function Found({
  row,
  reader,
  onAsk,
  onOpen,
}: {
  readonly row: ReaderRow
  readonly reader: Reader
  readonly onAsk: (more: string) => void
  readonly onOpen: (id: string) => void
}): ReactNode {
  const { title, tone } = rowFace(row)
  const changes = changesIn(row)
  return (
    <>
      <h2 className={styles['title']} data-tone={tone}>
        <PlainText>{title}</PlainText>
      </h2>
      <RowTruth row={row} reader={reader} />
      <Tabs className={styles['tabs'] ?? ''}>
        <TabList className={styles['tab-list'] ?? ''} aria-label="Views of the row">
          <Tab id="members" className={styles['tab'] ?? ''}>
            Row
          </Tab>
          {changes === undefined ? null : (
            <Tab id="changes" className={styles['tab'] ?? ''}>
              Changes
            </Tab>
          )}
          <Tab id="related" className={styles['tab'] ?? ''}>
            Related
          </Tab>
          <Tab id="json" className={styles['tab'] ?? ''}>
            JSON
          </Tab>
        </TabList>
        <TabPanel id="members">
          <RowMembers row={row} onAsk={onAsk} />
        </TabPanel>
        {changes === undefined ? null : (
          <TabPanel id="changes">
            <RowChanges changes={changes} />
          </TabPanel>
        )}
        <TabPanel id="related">
          <RowRelated row={row} reader={reader} onOpen={onOpen} />
        </TabPanel>
        <TabPanel id="json">
          <JsonTree value={row} />
        </TabPanel>
      </Tabs>
      <div className={styles['foot']}>
        <p className={styles['ways']}>
          <Link href={`/requests/${encodeURIComponent(row.request_id)}`}>Open its request</Link>
          {entitiesIn(row).map(([name, kind]) => (
            <Link key={name} href={entityPath(name, kind)}>
              All of <PlainText>{name}</PlainText>
            </Link>
          ))}
        </p>
        <div className={styles['copies']}>
          <Copy text={citationOf(row)} label="Copy citation" />
          <Copy text={JSON.stringify(row, null, 2)} label="Copy JSON" />
        </div>
      </div>
    </>
  )
}

/** Who did it and what it was done to, each with what the row says it is. */
function entitiesIn(row: ReaderRow): readonly (readonly [name: string, kind: string])[] {
  if (row.stream !== 'audit') return []
  const named = [
    [row.actor, row.actor_kind],
    [row.target, row.target_kind ?? 'target'],
  ] as const
  return named.filter(
    (each): each is readonly [string, string] => typeof each[0] === 'string' && each[0] !== '',
  )
}

function Copy({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const [isCopied, setCopied] = useState(false)
  return (
    <Button
      onPress={() => {
        void navigator.clipboard.writeText(text).then(() => setCopied(true))
      }}
    >
      {isCopied ? 'Copied' : label}
    </Button>
  )
}
