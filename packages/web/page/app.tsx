// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Link, Redirect, Route, Switch } from 'wouter'
import { useMe } from './ask/me.ts'
import { ActionsProvider } from './parts/palette/actions.tsx'
import { lazily } from './parts/lazily.tsx'
import { Palette } from './parts/palette/palette.tsx'
import { PersonMenu } from './parts/shell/person-menu.tsx'
import { Shell } from './parts/shell/shell.tsx'
import { Empty, Failed, Waiting } from './parts/state.tsx'
import { groupsFor, screensFor } from './places.ts'

const login = lazily('Opening the login', async () => (await import('./screens/login/login.tsx')).Login)

/** Who one is decides which places there are; the address decides which one is shown. */
export function App(): ReactNode {
  const me = useMe()
  if (me.isPending) return <Waiting what="Asking the server who you are" />
  if (me.isError) return <Failed error={me.error} onRetry={() => void me.refetch()} />
  if (me.data === null) return <login.Part />
  const groups = groupsFor(me.data)
  return (
    <ActionsProvider>
      <Shell groups={groups} person={<PersonMenu me={me.data} />}>
        <Switch>
          <Route path="/">
            <Redirect to="/investigate" replace />
          </Route>
          {screensFor(me.data).map(({ path, Part }) => (
            <Route key={path} path={path} component={Part} />
          ))}
          <Route>
            <Empty title="There is no such page" level="h1">
              <p>
                The address may be from another version or a larger server, or cut short where it was copied.
              </p>
              <p>
                <Link href="/investigate">Investigate</Link>
              </p>
            </Empty>
          </Route>
        </Switch>
      </Shell>
      <Palette places={groups.flatMap(({ places }) => places)} />
    </ActionsProvider>
  )
}
