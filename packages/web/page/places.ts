// SPDX-License-Identifier: Apache-2.0
import type { ComponentType } from 'react'
import { has, may, type Me } from './ask/me.ts'
import type { Place } from './parts/shell/shell.tsx'
import { Access } from './screens/access/access.tsx'
import { AgentRun } from './screens/agents/agent-run.tsx'
import { Agents } from './screens/agents/agents.tsx'
import { Codes } from './screens/codes/codes.tsx'
import { Entity } from './screens/entity/entity.tsx'
import { Investigate } from './screens/investigate/investigate.tsx'
import { Nodes } from './screens/nodes/nodes.tsx'
import { Rates } from './screens/rates/rates.tsx'
import { Request } from './screens/request/request.tsx'
import { Retention } from './screens/retention/retention.tsx'
import { Trail } from './screens/trail/trail.tsx'

interface PlaceWithRight extends Place {
  /** Left out where everybody who is logged in has something of his own. */
  readonly permission?: string
}

const groups: readonly { readonly name: string; readonly places: readonly PlaceWithRight[] }[] = [
  {
    name: 'Look',
    places: [
      {
        path: '/investigate',
        name: 'Investigate',
        permission: 'audit:read',
        also: ['/requests', '/entities'],
      },
      { path: '/rates', name: 'Rates', permission: 'metrics:read' },
      { path: '/agents', name: 'Agents', permission: 'audit:read' },
      { path: '/codes', name: 'Codes', permission: 'audit:read' },
    ],
  },
  {
    name: 'Run',
    places: [{ path: '/nodes', name: 'Nodes', permission: 'nodes:read' }],
  },
  {
    name: 'Govern',
    places: [
      { path: '/retention', name: 'Retention', permission: 'config:read' },
      { path: '/access', name: 'Access' },
      { path: '/trail', name: 'Trail', permission: 'audit:read' },
    ],
  },
]

/** What each address shows, of all that servers have. */
const screens: readonly { readonly path: string; readonly Screen: ComponentType }[] = [
  { path: '/investigate', Screen: Investigate },
  { path: '/requests/:request_id', Screen: Request },
  { path: '/entities/:kind/:id', Screen: Entity },
  { path: '/rates', Screen: Rates },
  { path: '/agents', Screen: Agents },
  { path: '/agents/:request_id', Screen: AgentRun },
  { path: '/codes', Screen: Codes },
  { path: '/nodes', Screen: Nodes },
  { path: '/retention', Screen: Retention },
  { path: '/access/:view?', Screen: Access },
  { path: '/trail', Screen: Trail },
]

/** The places that somebody may open. Hiding the others is a kindness, not a defence: the server judges every question. */
export function groupsFor(me: Me): readonly { readonly name: string; readonly places: readonly Place[] }[] {
  return groups
    .map(({ name, places }) => ({
      name,
      places: places.filter(
        ({ path, permission }) => has(me, path) && (permission === undefined || may(me, permission)),
      ),
    }))
    .filter(({ places }) => places.length > 0)
}

/** The screens of this server. */
export const screensFor = (me: Me): typeof screens => screens.filter(({ path }) => has(me, path))
