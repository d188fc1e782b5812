// PocketBase with one collection of unlocks, as a peer of the bench: like this server, it syncs each
// commit before it answers. Prints the token of a user who may create records.
package main

import (
	"fmt"
	"log"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// The defaults of PocketBase, except for synchronous, which is NORMAL there, so acknowledged records may be
// lost in a power cut.
const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
	"&_pragma=journal_size_limit(200000000)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)" +
	"&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)"

func main() {
	app := pocketbase.NewWithConfig(pocketbase.Config{
		HideStartBanner: true,
		DBConnect: func(path string) (*dbx.DB, error) {
			return dbx.Open("sqlite", path+pragmas)
		},
	})
	app.OnServe().BindFunc(func(serve *core.ServeEvent) error {
		token, err := prepare(serve.App)
		if err != nil {
			return err
		}
		fmt.Println(token)
		return serve.Next()
	})
	log.SetFlags(0)
	log.Fatal(app.Start())
}

func prepare(app core.App) (string, error) {
	unlocks := core.NewBaseCollection("unlocks")
	unlocks.CreateRule = types.Pointer(`@request.auth.id != ""`)
	unlocks.Fields.Add(
		&core.TextField{Name: "method", Required: true},
		&core.AutodateField{Name: "created", OnCreate: true},
	)
	if err := app.Save(unlocks); err != nil {
		return "", err
	}
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		return "", err
	}
	ada := core.NewRecord(users)
	ada.SetEmail("ada@example.org")
	ada.SetPassword("correct horse battery")
	if err := app.Save(ada); err != nil {
		return "", err
	}
	return ada.NewAuthToken()
}
