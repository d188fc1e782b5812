import { Screen } from '../components/screen.tsx'

export const PeoplePage = () => <Screen title="People" />
