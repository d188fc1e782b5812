import { Screen } from '../components/screen.tsx'

export const InvitationsPage = () => <Screen title="Invitations" />
