"""The rehearsal: the whole project run against an AWS that lives on this machine."""
