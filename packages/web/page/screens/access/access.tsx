// SPDX-License-Identifier: Apache-2.0
import type { ComponentType, ReactNode } from 'react'
import { useParams } from 'wouter'
import { may, useMe } from '../../ask/me.ts'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Empty } from '../../parts/state.tsx'
import { Views } from '../../parts/views.tsx'
import { Grants } from './grants.tsx'
import { Keys } from './keys.tsx'
import { Sessions } from './sessions.tsx'
import { Users } from './users.tsx'
import { You } from './you.tsx'

const views: readonly {
  readonly id: string
  readonly name: string
  /** Whether it is of the whole fleet, and not of oneself. */
  readonly isOfAll: boolean
  readonly View: ComponentType
}[] = [
  { id: 'you', name: 'You', isOfAll: false, View: You },
  { id: 'sessions', name: 'Sessions', isOfAll: false, View: Sessions },
  { id: 'keys', name: 'Keys', isOfAll: false, View: Keys },
  { id: 'users', name: 'Users', isOfAll: true, View: Users },
  { id: 'roles', name: 'Roles', isOfAll: true, View: Grants },
]

/** Who may log in, what they may do, and with which keys; for everybody at least of oneself. Every change is a row of the trail. */
export function Access(): ReactNode {
  const { view = 'you' } = useParams<{ view?: string }>()
  const me = useMe().data ?? null
  const isForAll = me !== null && may(me, 'access:read')
  const shown = views.filter(({ isOfAll }) => isForAll || !isOfAll)
  const here = views.find(({ id }) => id === view)
  return (
    <>
      <PlaceHead title="Access" about="Who may log in, what they may do, and with which keys." />
      <Views
        label="Parts of access"
        here={view}
        views={shown.map(({ id, name }) => ({ id, name, path: id === 'you' ? '/access' : `/access/${id}` }))}
      />
      {here === undefined ? <Empty title="There is no such part" /> : <here.View />}
    </>
  )
}
