// SPDX-License-Identifier: Apache-2.0
// Before everything that has a style of its own: the order of the layers is said in them.
import './theme/base.css'
import './theme/tokens.css'
import './theme/fonts.css'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { Problem } from './ask/problem.ts'
import { SettingsProvider } from './parts/settings.tsx'
import { loadScreen } from './places.ts'

loadScreen(location.pathname)

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the server refuses it refuses again; only silence and a busy server are worth a second question.
      retry: (count, error) =>
        count < 2 && (!(error instanceof Problem) || error.status === 0 || error.status === 503),
      refetchOnWindowFocus: false,
      staleTime: 15_000,
    },
  },
})

const root = document.querySelector('#page')
if (root === null) throw new TypeError('the page has no element #page')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <SettingsProvider>
        <App />
      </SettingsProvider>
    </QueryClientProvider>
  </StrictMode>,
)
