// SPDX-License-Identifier: Apache-2.0
import { useMemo, useState, type ReactNode } from 'react'
import { useQuery } from '@tanstack/react-query'
import { parsePageQuery } from 'fasten/reader/remote'
import { useLocation, useSearch } from 'wouter'
import { call } from '../../ask/call.ts'
import { useMe, type Me } from '../../ask/me.ts'
import { nowMicros } from '../../ask/now.ts'
import { createReader } from '../../ask/reader.ts'
import { useStreamRows } from '../../ask/use-stream-rows.ts'
import type { KeyFacts } from '../../model/access.ts'
import {
  readTrailView,
  trailKinds,
  trailLines,
  trailSearch,
  writeTrailView,
  type KeyNames,
  type TrailKind,
  type TrailView,
} from '../../model/trail.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Select } from '../../parts/select.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { WindowChoice } from '../../parts/window-choice.tsx'
import { RowDrawer } from '../investigate/row-drawer.tsx'
import styles from './trail.module.css'
import { TrailRow } from './trail-row.tsx'

const reader = createReader(location.origin)

/** What the fleet tells of itself, the newest first: who read, exported, logged in and changed what. It is a log like any other, chained and signed. */
export function Trail(): ReactNode {
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = useMemo(() => readTrailView(search), [search])
  const change = (changes: Partial<TrailView>): void =>
    navigate(`/trail${writeTrailView({ ...view, ...changes })}`, { replace: 'selected' in changes })
  const [askedAt, setAskedAt] = useState(nowMicros)
  const asked = useMemo(() => {
    const { selected: _, ...rest } = view
    return parsePageQuery(trailSearch({ ...rest, selected: null }), 'audit', askedAt)
  }, [view.since, view.until, view.who, view.kind, askedAt])
  const keyNames = useKeyNames()
  const rows = useStreamRows(reader, 'audit', asked.ok ? asked.value : null)
  const lines = useMemo(() => trailLines(rows.list.rows, keyNames), [rows.list, keyNames])
  return (
    <div className={styles['trail']} data-drawer={view.selected !== null}>
      <section className={styles['body']} aria-label="Trail">
        <PlaceHead
          title="Trail"
          about={
            view.kind === null
              ? 'Who read, exported, logged in and changed what here. That nodes handed rows in is left out.'
              : 'Who read, exported, logged in and changed what here.'
          }
        >
          <Who key={view.who} who={view.who} onChange={(who) => change({ who, selected: null })} />
          <Select<TrailKind | 'all' | ''>
            label="Kind"
            isQuiet
            value={view.kind ?? ''}
            options={[
              ['', 'What people did'],
              ['all', 'Everything'],
              ...(Object.entries(trailKinds) as [TrailKind, string][]),
            ]}
            onChange={(kind) => change({ kind: kind === '' ? null : kind, selected: null })}
          />
          <WindowChoice
            since={view.since}
            until={view.until}
            onChange={(window) => change({ ...window, selected: null })}
          />
          <Button onPress={() => setAskedAt(nowMicros())}>Refresh</Button>
        </PlaceHead>
        {!asked.ok ? (
          <Empty title="This is no question">
            <p>{asked.problems[0]?.detail}</p>
          </Empty>
        ) : lines.length === 0 && rows.state === 'failed' ? (
          <Failed error={rows.error} onRetry={rows.retry} />
        ) : lines.length === 0 && rows.state === 'asking' ? (
          <Waiting what="Reading the trail" />
        ) : lines.length === 0 ? (
          <Nothing view={view} />
        ) : (
          <>
            <ol className={styles['lines']}>
              {lines.map((line) => (
                <TrailRow
                  key={line.row.id}
                  line={line}
                  selected={view.selected}
                  onSelect={(selected) => change({ selected })}
                  onWho={(who) => change({ who, selected: null })}
                />
              ))}
            </ol>
            {rows.state === 'failed' ? <Failed error={rows.error} onRetry={rows.retry} /> : null}
            <div className={styles['more']}>
              {rows.state === 'end' ? (
                <p>That is all in this window.</p>
              ) : (
                <Button isDisabled={rows.state !== 'ready'} onPress={rows.older}>
                  Older
                </Button>
              )}
            </div>
          </>
        )}
      </section>
      {view.selected === null ? null : (
        <RowDrawer id={view.selected} reader={reader} onClose={() => change({ selected: null })} />
      )}
    </div>
  )
}

/** What the keys that one may see are called; none until they are here, and none where one may not. */
function useKeyNames(): KeyNames {
  const { data } = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) =>
      call<{ keys: readonly KeyFacts[] }>('/api/v1/api-keys', { signal }).then(({ keys }) => keys),
  })
  return useMemo(() => new Map(data?.map(({ key_id, name }) => [key_id, name])), [data])
}

/** Asked for on Enter, so that half a name is no question. */
function Who({
  who,
  onChange,
}: {
  readonly who: string
  readonly onChange: (who: string) => void
}): ReactNode {
  const [typed, setTyped] = useState(who)
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        onChange(typed.trim())
      }}
    >
      <Field
        aria-label="Who"
        placeholder="who, as user:ada"
        value={typed}
        onChange={(value) => {
          setTyped(value)
          if (value === '') onChange('')
        }}
      />
    </form>
  )
}

/** The fleet's rows belong to no tenant, but those on rows of one: whoever sees some tenants only is told so, and not that nothing happened. */
function Nothing({ view }: { readonly view: TrailView }): ReactNode {
  const me = useMe().data ?? null
  if (me !== null && !seesFleet(me))
    return (
      <Empty title="Nothing here is yours to see">
        <p>The fleet’s own rows belong to no tenant. They are for whoever may read all tenants.</p>
      </Empty>
    )
  return (
    <Empty title="Nothing of this in the window">
      <p>
        {view.who === '' && view.kind === null
          ? 'Try a longer window.'
          : 'Try a longer window, or everything that everybody did.'}
      </p>
    </Empty>
  )
}

const seesFleet = ({ rights }: Me): boolean =>
  rights.some(
    ({ permissions, tenants, codes }) =>
      permissions.includes('audit:read') &&
      codes === undefined &&
      (tenants === 'all' || tenants.includes('_')),
  )
