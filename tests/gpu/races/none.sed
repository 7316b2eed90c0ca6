# nothing is planted
