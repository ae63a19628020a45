// SPDX-License-Identifier: Apache-2.0
import { has, may, type Me } from './ask/me.ts'
import { lazily, type LazyPart } from './parts/lazily.tsx'
import type { Place } from './parts/shell/shell.tsx'
import { Investigate } from './screens/investigate/investigate.tsx'

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

/** What each address shows, of all that servers have. The first comes with the pages, since most begin there; the others when they are opened. */
const screens: readonly ({ readonly path: string } & LazyPart<object>)[] = [
  { path: '/investigate', Part: Investigate, load: () => undefined },
  {
    path: '/requests/:request_id',
    ...lazily('Opening the request', async () => (await import('./screens/request/request.tsx')).Request),
  },
  {
    path: '/entities/:kind/:id',
    ...lazily('Opening the timeline', async () => (await import('./screens/entity/entity.tsx')).Entity),
  },
  {
    path: '/rates',
    ...lazily('Opening the rates', async () => (await import('./screens/rates/rates.tsx')).Rates),
  },
  {
    path: '/agents',
    ...lazily('Opening the agents', async () => (await import('./screens/agents/agents.tsx')).Agents),
  },
  {
    path: '/agents/:request_id',
    ...lazily('Opening the run', async () => (await import('./screens/agents/agent-run.tsx')).AgentRun),
  },
  {
    path: '/codes',
    ...lazily('Opening the codes', async () => (await import('./screens/codes/codes.tsx')).Codes),
  },
  {
    path: '/nodes',
    ...lazily('Opening the nodes', async () => (await import('./screens/nodes/nodes.tsx')).Nodes),
  },
  {
    path: '/retention',
    ...lazily('Opening retention', async () => (await import('./screens/retention/retention.tsx')).Retention),
  },
  {
    path: '/access/:view?',
    ...lazily('Opening access', async () => (await import('./screens/access/access.tsx')).Access),
  },
  {
    path: '/trail',
    ...lazily('Opening the trail', async () => (await import('./screens/trail/trail.tsx')).Trail),
  },
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

/** Loads what an address will show, while it is still being asked who looks. */
export function loadScreen(path: string): void {
  const root = path.split('/', 2)[1]
  for (const screen of screens) if (screen.path.split('/', 2)[1] === root) screen.load()
}

/** The screens of this server. */
export const screensFor = (me: Me): typeof screens => screens.filter(({ path }) => has(me, path))
